//! Tests of streams: the cursor alone, and whole streams over the HTTP engine.

mod replay;
