"""``accelsk bench``: a user's own estimator on a user's own data, computed in every way that there is here."""
