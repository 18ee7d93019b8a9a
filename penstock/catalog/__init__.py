"""What can be connected: sources, destinations and warehouses, their facts and their drivers."""
