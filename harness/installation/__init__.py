"""What is installed here, what a command needs beyond it, and the line that brings what is missing."""
