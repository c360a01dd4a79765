//! Rule 17a on real servers: what calls over real connections count as.

mod events;
mod hung;
mod idle;
mod servers;
mod unread;
