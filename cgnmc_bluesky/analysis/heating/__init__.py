"""Release of gas and change of phases while a sample is heated."""
