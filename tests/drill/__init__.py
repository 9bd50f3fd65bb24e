"""The restore drill: back up, erase, restore, see that it refuses, replay, see that the person stays erased."""
