#include <cstdio>
int main() { std::puts("ckpt " CKPT_VERSION); }
