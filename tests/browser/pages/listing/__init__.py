"""The list of jobs when it is long: what of it the browser keeps, and asks for again."""
