EXTRA_DIST += %D%/feedback.h src/queue/feedback_store.h src/queue/suppression.h
