//! Tests of the fleet from within this process, together with what it stands upon.

mod seams;
