"""Every outbound request: guarded client, actor and key resolution, WebFinger look-up."""
