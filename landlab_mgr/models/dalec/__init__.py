"""Monthly DALEC as in DifferLand: carbon and water of land."""
