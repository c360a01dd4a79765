//! What calls count as, where it took a counter-example to see it; rule 17a on real servers.

mod costs;
mod events;
mod gateways;
mod hung;
mod idle;
mod servers;
mod shed;
mod unread;
