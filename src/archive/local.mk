libcore_a_SOURCES += %D%/archive.h %D%/blob.h %D%/check.h %D%/index.h %D%/intake.h %D%/query.h %D%/registry.h %D%/scope.h 
