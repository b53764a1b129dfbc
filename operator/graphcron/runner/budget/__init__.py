"""What runs use, in tokens and money, and what a window still allows."""
