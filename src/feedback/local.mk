EXTRA_DIST += %D%/feedback.h
