"""`lumbung doctor`: what an operator would otherwise look up one by one, each as a finding with its cure."""
