"""What the sites serve, one file per family of programs; pure functions of site and instant."""
