libshim_a_SOURCES += %D%/shim.h %D%/internal.hpp %D%/setup.cpp %D%/wire.cpp %D%/tls.cpp %D%/negotiate.cpp %D%/toolkit.cpp \
	%D%/assoc.cpp %D%/assoc_accept.cpp %D%/assoc_request.cpp %D%/assoc_pdv.cpp %D%/command.cpp \
	%D%/dataset.hpp %D%/look_over.cpp %D%/dict.cpp %D%/dataset.cpp %D%/dicomdir.cpp
libshim_a_SOURCES += %D%/htj2k.h %D%/htj2k.cpp %D%/assertion.h %D%/assertion.cpp
libshim_a_SOURCES += %D%/jpeg.h %D%/jpeg.cpp
libshim_a_SOURCES += %D%/rewrite.cpp
