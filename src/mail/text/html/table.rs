//! A table of a page while its cells come, and as lines of Markdown.
//!
//! Whether it is a table for readers is known at its end: one that holds another table, has one
//! column or one row, or has long cells only places things. Its cells then stand one below the
//! other. It keeps each cell once, and moves it once.

/// A table whose end has not come.
pub struct CapturedTable {
    /// The text before the table.
    pub outside: String,
    /// How many containers were outside of the table around it.
    pub base: usize,
    /// The line breaks that wait in front of it.
    pub line_breaks: usize,
    /// A cell has a block that no line can hold.
    pub has_block: bool,
    rows: Vec<Vec<TableCell>>,
    /// Whether a cell is open, and is one of a header.
    open: Option<bool>,
    octets: usize,
}

struct TableCell {
    text: String,
    is_header: bool,
}

/// How a table is written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TableForm {
    /// As a table.
    Rows,
    /// Its cells, one below the other.
    Blocks,
}

impl CapturedTable {
    /// A table behind this text.
    pub fn new(outside: String, base: usize, line_breaks: usize) -> CapturedTable {
        CapturedTable {
            octets: outside.len(),
            outside,
            base,
            line_breaks,
            has_block: false,
            rows: vec![Vec::new()],
            open: None,
        }
    }

    /// The octets of the text before it and of its cells that have ended.
    pub fn octets(&self) -> usize {
        self.octets
    }

    /// A row begins, behind the text of the cell before it.
    pub fn start_row(&mut self, before: String) {
        self.end_cell(before);
        if self.rows.last().is_some_and(|row| !row.is_empty()) {
            self.octets += ROW_OCTETS;
            self.rows.push(Vec::new());
        }
    }

    /// A cell begins, behind the text of the one before it.
    pub fn start_cell(&mut self, before: String, is_header: bool) {
        self.end_cell(before);
        self.open = Some(is_header);
    }

    /// The last cell ends. Text that stands in no cell has one of its own.
    pub fn end_cell(&mut self, text: String) {
        let open = self.open.take();
        if open.is_none() && text.trim().is_empty() {
            return;
        }
        self.octets += text.len() + CELL_OCTETS;
        let cell = TableCell {
            text: text.trim().to_owned(),
            is_header: open.unwrap_or(false),
        };
        match self.rows.last_mut() {
            Some(row) => row.push(cell),
            None => self.rows.push(vec![cell]),
        }
    }

    /// How it is to be written. An `is_layout` table holds another one.
    pub fn form(&self, is_layout: bool) -> TableForm {
        let rows = || self.rows.iter().filter(|row| !row.is_empty());
        let columns = rows().map(Vec::len).max().unwrap_or(0);
        let has_header = rows().take(1).flatten().any(|cell| cell.is_header);
        let fits = |cell: &TableCell| {
            cell.text.len() <= CELL_MAX
                && !cell.text.contains("\n\n")
                && cell.text.matches('\n').count() < CELL_LINES_MAX
        };
        let is_table = !is_layout
            && !self.has_block
            && (2..=COLUMNS_MAX).contains(&columns)
            && rows().take(2).count() > usize::from(!has_header)
            && rows().flatten().all(fits);
        match is_table {
            true => TableForm::Rows,
            false => TableForm::Blocks,
        }
    }

    /// Its cells that are not empty.
    pub fn cells(&self) -> impl Iterator<Item = &str> {
        let all = self.rows.iter().flatten().map(|cell| cell.text.as_str());
        all.filter(|text| !text.is_empty())
    }

    /// Its lines in Markdown, until `write` has no room. A table without a header gets an empty
    /// one, because Markdown has no other.
    pub fn each_line(&self, mut write: impl FnMut(&str) -> bool) {
        let mut rows = self.rows.iter().filter(|row| !row.is_empty()).peekable();
        let columns = rows.clone().map(Vec::len).max().unwrap_or(0);
        let is_header = |row: &&Vec<TableCell>| row.iter().any(|cell| cell.is_header);
        let header = rows.next_if(|row| is_header(row));
        let line = |row: &[TableCell]| {
            let cells = row.iter().map(|cell| one_line(&cell.text));
            let padding = core::iter::repeat_n(String::new(), columns - row.len());
            let cells: Vec<String> = cells.chain(padding).collect();
            format!("| {} |", cells.join(" | "))
        };
        let rule = format!("|{}", " --- |".repeat(columns));
        if !write(&line(header.map_or(&[], Vec::as_slice))) || !write(&rule) {
            return;
        }
        for row in rows {
            if !write(&line(row)) {
                return;
            }
        }
    }
}

/// The text of a cell in one line, in which no bar ends the cell.
fn one_line(text: &str) -> String {
    let lines: Vec<&str> = text.split('\n').map(str::trim).collect();
    lines.join("<br>").replace('|', "\\|")
}

/// Columns of a table.
const COLUMNS_MAX: usize = 32;
/// Octets and lines of a cell of a table.
const CELL_MAX: usize = 1_000;
const CELL_LINES_MAX: usize = 12;
/// What a row and a cell take beside their text.
const ROW_OCTETS: usize = 24;
const CELL_OCTETS: usize = 32;
