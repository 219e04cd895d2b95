package io.petrel.host.storm2;

/** Storm finds consumers by their canonical name: a nested class would not be found. */
public class TickTestConsumer extends TickTest.Consumer {}
