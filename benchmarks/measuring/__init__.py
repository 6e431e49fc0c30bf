"""What benchmarks measure with: who is compared and how each is reached, cores, marks, rounds, figures."""
