"""Who is an operator, and the record of what they do: for the views of operators, and for every
view that acts on another person's."""
