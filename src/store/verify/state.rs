//! The whole state of a database as one line a table: how many rows it has, and a checksum over
//! them all. Two databases with the same lines have the same schema and the same rows.
//!
//! It is for tests that say that a request has changed nothing, and no defence against anything.

use core::hash::Hasher;
use std::hash::DefaultHasher;

use rusqlite::types::ValueRef;

use crate::store::{Error, Store};

/// The first line is the schema. Its checksum covers the statements that made it.
pub fn state(store: &Store) -> Result<Vec<String>, Error> {
    let mut tables = Vec::new();
    let schema = "SELECT name, type = 'table', sql FROM sqlite_schema ORDER BY name";
    let (rows, sum) = sum_of(store, schema, |row| {
        if row.get(1)? {
            tables.push(row.get::<_, String>(0)?);
        }
        Ok(())
    })?;
    let mut lines = vec![format!("schema: {rows} rows, {sum:016x}")];
    for table in tables {
        let all = ["SELECT * FROM \"", &table, "\""].concat();
        let (rows, sum) = sum_of(store, &all, |_| Ok(()))?;
        lines.push(format!("{table}: {rows} rows, {sum:016x}"));
    }
    Ok(lines)
}

/// The rows of a statement: how many, and a checksum over all their values in order.
fn sum_of(
    store: &Store,
    sql: &str,
    mut see: impl FnMut(&rusqlite::Row<'_>) -> rusqlite::Result<()>,
) -> Result<(usize, u64), Error> {
    let mut hasher = DefaultHasher::new();
    let mut statement = store.sql.prepare(sql)?;
    let columns = statement.column_count();
    let mut rows = statement.query([])?;
    let mut n = 0;
    while let Some(row) = rows.next()? {
        n += 1;
        see(row)?;
        for column in 0..columns {
            let value = row.get_ref(column)?;
            hasher.write_u8(value.data_type() as u8);
            match value {
                ValueRef::Null => {}
                ValueRef::Integer(number) => hasher.write_i64(number),
                ValueRef::Real(number) => hasher.write_u64(number.to_bits()),
                ValueRef::Text(octets) | ValueRef::Blob(octets) => {
                    hasher.write_usize(octets.len());
                    hasher.write(octets);
                }
            }
        }
    }
    Ok((n, hasher.finish()))
}
