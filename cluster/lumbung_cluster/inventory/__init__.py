"""An origin's set of ids at one node, in a form that two nodes can compare without sending it."""
