//! The whole programs of the guide, as they stand there (`src/guide/programs`), around servers that go
//! away and come back. Those of migrations run in `benches/versus/tests/migration`.

mod library;
mod replicas;
mod service;
