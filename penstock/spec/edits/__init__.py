"""What configuration takes out of events and writes into them: filters, transformations, and the paths they name."""
