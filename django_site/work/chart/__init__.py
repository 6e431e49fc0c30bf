"""Pictures that the server draws: charts of results, and the timeline of a batch."""
