//! Rule 17a on real servers: what calls over real connections count as.

mod costs;
mod events;
mod gateways;
mod hung;
mod idle;
mod nginx;
mod servers;
mod unread;
