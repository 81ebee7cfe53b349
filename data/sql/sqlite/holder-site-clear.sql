DELETE FROM holder_site WHERE holder = $1
