"""Training across venues whose logs stay where they are (federated averaging: McMahan et al., AISTATS 2017)."""
