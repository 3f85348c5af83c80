"""The contract of a model, and the models themselves."""
