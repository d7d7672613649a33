"""What a process of the control plane is killed, frozen and upgraded in the middle of."""
