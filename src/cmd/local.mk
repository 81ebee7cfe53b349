bin_PROGRAMS += teleread
teleread_SOURCES = %D%/main.c %D%/cmd.h
teleread_LINK = $(CXXLINK)
