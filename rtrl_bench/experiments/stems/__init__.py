"""Vision stems that are taught what a level's pictures show, from the simulator's own state: no reward, no memory."""
