"""How deliveries end, and how what has ended becomes durable."""
