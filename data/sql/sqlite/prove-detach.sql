-- reindex --prove: lets go of it
DETACH DATABASE rebuilt
