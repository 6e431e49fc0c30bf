"""Workers on other machines: what they tell, and what is told of them."""
