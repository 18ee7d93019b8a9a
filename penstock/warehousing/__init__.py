"""From the routed log into the warehouses: flatten events to rows, load them with the position, report what was done."""
