"""What turns an artifact and a protocol into samples."""
