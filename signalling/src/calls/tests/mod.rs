mod going_on;
mod nodes;
mod one_node;
mod stage;
mod wire;
