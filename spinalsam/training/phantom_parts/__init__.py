"""What the phantom is made of: shapes, the skeleton's sizes and pose, bones, soft tissues and the scanner."""
