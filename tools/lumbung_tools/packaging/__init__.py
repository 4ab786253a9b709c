"""What a machine is given beside lumbung itself: a unit for systemd."""
