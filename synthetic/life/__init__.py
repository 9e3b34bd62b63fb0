"""Lives of women: what they are, their pregnancies, the cells they keep, the study they join."""
