"""What operators ask and do, one module per part; the first of them says what all are for."""
