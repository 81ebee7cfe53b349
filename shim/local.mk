libshim_a_SOURCES += %D%/shim.h %D%/setup.cpp
