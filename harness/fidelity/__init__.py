"""Whether what ran computes the model: outputs by value, precision, and the first layer that went wrong."""
