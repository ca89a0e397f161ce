"""The application without a face: document, session, resolve, worker, engines, cache, workspace."""
