"""Training that can forget a person without starting over (SISA: Bourtoule et al., IEEE S&P 2021)."""
