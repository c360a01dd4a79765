//! Waiting in `poll_ready` until the circuit admits ([`OnOpen::Wait`](crate::OnOpen::Wait)).

pub(crate) mod state;
pub(crate) mod timer;
