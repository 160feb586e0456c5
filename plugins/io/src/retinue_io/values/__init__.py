"""Text of cells into values: each parser gives a value or raises BadValue with reason and remedy."""
