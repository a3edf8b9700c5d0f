//! Tests of the whole: messages of others, every payload back and forth, and hostile ones.

mod capture;
mod hostile;
mod round_trip;
mod text;
