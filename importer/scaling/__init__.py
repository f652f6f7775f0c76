"""How an online load adapts its batch rows and its writers to the server: settings, controller, signals."""
